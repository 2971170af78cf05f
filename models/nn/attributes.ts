// Typed access to the attributes of a node; a missing attribute is the operator's default, a wrong type an error.
import { ModelError } from '../base/errors.js'
import type { Attribute, Node } from './graph.js'
import { toInteger } from './int64.js'

export function intAttribute<T extends number | null>(node: Node, name: string, fallback: T): number | T {
  const attribute = node.attributes.get(name)
  if (attribute === undefined) return fallback
  return toInteger(field(node, attribute, 'i'), `${node.where}: ${name}`)
}

export function floatAttribute(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes.get(name)
  return attribute === undefined ? fallback : field(node, attribute, 'f')
}

export function intsAttribute<T extends readonly number[] | null>(
  node: Node,
  name: string,
  fallback: T,
): readonly number[] | T {
  const attribute = node.attributes.get(name)
  if (attribute === undefined) return fallback
  return field(node, attribute, 'ints').map((value) => toInteger(value, `${node.where}: ${name}`))
}

export function stringAttribute(node: Node, name: string, fallback: string): string {
  const attribute = node.attributes.get(name)
  return attribute === undefined ? fallback : new TextDecoder().decode(field(node, attribute, 's'))
}

/** Presence matters: an absent field reads as the default of the message's prototype. Empty lists have no field at all. */
function field<K extends 'i' | 'f' | 's' | 'ints'>(
  node: Node,
  attribute: Attribute,
  key: K,
): NonNullable<Attribute[K]> {
  const value = attribute[key]
  if (value == null || !Object.hasOwn(attribute, key)) {
    if (key === 'ints' && attribute.type === 7) return [] as unknown as NonNullable<Attribute[K]>
    throw new ModelError(`${node.where}: attribute ${attribute.name} has the wrong type`)
  }
  return value
}
