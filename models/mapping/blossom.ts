// Maximum-weight perfect matching of a complete graph with an even number of vertices, exact, in O(n³).
// Source of the method: Edmonds, "Paths, trees, and flowers" (1965) and "Maximum matching and a polyhedron with 0,1-vertices" (1965);
// the bookkeeping of slack edges that makes it cubic is that of Galil, "Efficient algorithms for finding maximum matching in graphs"
// (1986). Vertices are 0 … n − 1, blossoms n … 2n − 1. Duals of vertices are unbounded, because every vertex must be matched.
import { SimFault } from '../base/errors.js'

const none = -1
/** labels of surface nodes: in no tree, at even depth, at odd depth */
const free = -1
const even = 0
const odd = 1

/**
 * @param weights n × n, symmetric; the diagonal is not looked at
 * @returns partner of every vertex
 */
export function perfectMatching(n: number, weights: ArrayLike<number>): Int32Array {
  if (n % 2 === 1) throw new SimFault(`matching: ${n} vertices cannot be paired`)
  const search = createSearch(n, weights)
  for (let pairs = 0; pairs < n / 2; pairs++) search.augmentOnce()
  return search.mates()
}

function createSearch(n: number, weights: ArrayLike<number>) {
  const size = 2 * n
  /** nodes that were ever in use: 0 … used − 1 */
  let used = n
  const dual = new Float64Array(size)
  /** outermost blossom (or the vertex itself) around a node; none: a blossom that is not in use */
  const surface = new Int32Array(size).fill(none)
  const label = new Int8Array(size)
  /** vertex at the other end of the matched edge that leaves the node */
  const mate = new Int32Array(size).fill(none)
  /** even vertex from which an odd surface node was reached */
  const parent = new Int32Array(size).fill(none)
  /** even vertex with the tightest edge to a surface node */
  const nearest = new Int32Array(size).fill(none)
  const petals: number[][] = Array.from({ length: size }, () => [])
  /** petal of blossom b that contains vertex v: petalWith[b · n + v] */
  const petalWith = new Int32Array(size * n).fill(none)
  /** tightest edge between nodes x and y: it leaves x at vertex tip[x · size + y] (and y at tip[y · size + x]) */
  const tip = new Int32Array(size * size).fill(none)
  const mark = new Int32Array(size)
  let round = 0
  let queue: number[] = []

  let heaviest = 0
  for (let u = 0; u < n; u++) {
    surface[u] = u
    petalWith[u * n + u] = u
    for (let v = 0; v < n; v++) {
      tip[u * size + v] = u
      if (u !== v) heaviest = Math.max(heaviest, weights[u * n + v]!)
    }
  }
  dual.fill(heaviest, 0, n)

  /** Reduced cost of the tightest edge between two nodes. */
  function slack(x: number, y: number): number {
    const u = tip[x * size + y]!
    const v = tip[y * size + x]!
    return u < 0 ? Number.POSITIVE_INFINITY : dual[u]! + dual[v]! - 2 * weights[u * n + v]!
  }

  function offer(u: number, x: number): void {
    if (nearest[x] === none || slack(u, x) < slack(nearest[x]!, x)) nearest[x] = u
  }

  function findNearest(x: number): void {
    nearest[x] = none
    for (let u = 0; u < n; u++) if (surface[u] !== x && label[surface[u]!] === even) offer(u, x)
  }

  function enqueue(x: number): void {
    if (x < n) queue.push(x)
    else for (const petal of petals[x]!) enqueue(petal)
  }

  function setSurface(x: number, to: number): void {
    surface[x] = to
    if (x >= n) for (const petal of petals[x]!) setSurface(petal, to)
  }

  /** Turns the ring of b so that the way from its base to the petal has an even number of steps. @returns that number */
  function stepsTo(b: number, petal: number): number {
    const ring = petals[b]!
    const at = ring.indexOf(petal)
    if (at % 2 === 0) return at
    petals[b] = [ring[0]!, ...ring.slice(1).reverse()]
    return ring.length - at
  }

  /** Matches node x along its tightest edge to node y, inside blossoms too. */
  function match(x: number, y: number): void {
    mate[x] = tip[y * size + x]!
    if (x < n) return
    const entry = petalWith[x * n + tip[x * size + y]!]!
    const steps = stepsTo(x, entry)
    const ring = petals[x]!
    for (let i = 0; i < steps; i++) match(ring[i]!, ring[i ^ 1]!)
    match(entry, y)
    petals[x] = [...ring.slice(steps), ...ring.slice(0, steps)]
  }

  /** Flips the tree path from x to its root after x was joined to y. */
  function flip(from: number, to: number): void {
    let x = from
    let y = to
    for (;;) {
      const freed = mate[x] === none ? none : surface[mate[x]!]!
      match(x, y)
      if (freed === none) return
      const above = surface[parent[freed]!]!
      match(freed, above)
      x = above
      y = freed
    }
  }

  /** Nearest common ancestor of two even surface nodes, or none when they stand in different trees. */
  function ancestor(a: number, b: number): number {
    round++
    let x = a
    let y = b
    while (x !== none || y !== none) {
      if (x !== none) {
        if (mark[x] === round) return x
        mark[x] = round
        x = mate[x] === none ? none : surface[parent[surface[mate[x]!]!]!]!
      }
      const other = x
      x = y
      y = other
    }
    return none
  }

  function shrink(u: number, base: number, v: number): void {
    let b = n
    while (b < used && surface[b] !== none) b++
    if (b === used) used++
    dual[b] = 0
    label[b] = even
    mate[b] = mate[base]!
    const arm = (from: number): number[] => {
      const list: number[] = []
      for (let x = from; x !== base; ) {
        const inner = surface[mate[x]!]!
        list.push(x, inner)
        enqueue(inner)
        x = surface[parent[inner]!]!
      }
      return list
    }
    petals[b] = [base, ...arm(u).reverse(), ...arm(v)]
    setSurface(b, b)
    for (let x = 0; x < used; x++) tip[b * size + x] = tip[x * size + b] = none
    petalWith.fill(none, b * n, (b + 1) * n)
    for (const petal of petals[b]!) {
      for (let x = 0; x < used; x++) {
        // The first of equals, always: then an edge that a blossom leads with is also the one that its petal leads with.
        if (slack(petal, x) >= slack(b, x)) continue
        tip[b * size + x] = tip[petal * size + x]!
        tip[x * size + b] = tip[x * size + petal]!
      }
      for (let x = 0; x < n; x++) if (petalWith[petal * n + x] !== none) petalWith[b * n + x] = petal
    }
    findNearest(b)
  }

  /** Takes an odd blossom of dual 0 apart; the tree goes on through the even side of its ring. */
  function expand(b: number): void {
    for (const petal of petals[b]!) setSurface(petal, petal)
    const entry = petalWith[b * n + tip[b * size + parent[b]!]!]!
    const steps = stepsTo(b, entry)
    const ring = petals[b]!
    for (let i = 0; i < steps; i += 2) {
      const inner = ring[i]!
      const outer = ring[i + 1]!
      parent[inner] = tip[outer * size + inner]!
      label[inner] = odd
      label[outer] = even
      nearest[inner] = none
      findNearest(outer)
      enqueue(outer)
    }
    label[entry] = odd
    parent[entry] = parent[b]!
    for (let i = steps + 1; i < ring.length; i++) {
      label[ring[i]!] = free
      findNearest(ring[i]!)
    }
    surface[b] = none
  }

  /** A tight edge from the even vertex u to vertex v: the tree grows, a blossom shrinks, or a path is found. @returns path found */
  function useEdge(u: number, v: number): boolean {
    const x = surface[u]!
    const y = surface[v]!
    if (label[y] === free) {
      parent[y] = u
      label[y] = odd
      const next = surface[mate[y]!]!
      nearest[y] = nearest[next] = none
      label[next] = even
      enqueue(next)
      return false
    }
    if (label[y] !== even) return false
    const base = ancestor(x, y)
    if (base !== none) {
      shrink(x, base, y)
      return false
    }
    flip(x, y)
    flip(y, x)
    return true
  }

  function scanQueue(): boolean {
    for (let at = 0; at < queue.length; at++) {
      const u = queue[at]!
      if (label[surface[u]!] === odd) continue
      for (let v = 0; v < n; v++) {
        if (surface[u] === surface[v]) continue
        if (slack(u, v) === 0) {
          if (useEdge(u, v)) return true
        } else offer(u, surface[v]!)
      }
    }
    queue = []
    return false
  }

  function adjustDuals(): void {
    let step = Number.POSITIVE_INFINITY
    for (let x = 0; x < used; x++) {
      if (surface[x] !== x) continue
      if (x >= n && label[x] === odd) step = Math.min(step, dual[x]! / 2)
      if (nearest[x] === none || label[x] === odd) continue
      const edge = slack(nearest[x]!, x)
      step = Math.min(step, label[x] === free ? edge : edge / 2)
    }
    if (!Number.isFinite(step)) throw new SimFault('matching: no dual step, the graph is not complete')
    for (let u = 0; u < n; u++) {
      const l = label[surface[u]!]!
      if (l === even) dual[u]! -= step
      else if (l === odd) dual[u]! += step
    }
    for (let b = n; b < used; b++) {
      if (surface[b] !== b || label[b] === free) continue
      dual[b]! += label[b] === even ? 2 * step : -2 * step
    }
  }

  function augmentOnce(): void {
    label.fill(free)
    nearest.fill(none)
    queue = []
    for (let x = 0; x < used; x++) {
      if (surface[x] !== x || mate[x] !== none) continue
      parent[x] = none
      label[x] = even
      enqueue(x)
    }
    for (;;) {
      if (scanQueue()) return
      adjustDuals()
      for (let x = 0; x < used; x++) {
        const from = nearest[x]!
        if (surface[x] !== x || from === none || surface[from] === x || slack(from, x) !== 0) continue
        if (useEdge(from, tip[x * size + from]!)) return
      }
      for (let b = n; b < used; b++) if (surface[b] === b && label[b] === odd && dual[b] === 0) expand(b)
    }
  }

  return { augmentOnce, mates: () => mate.slice(0, n) }
}
