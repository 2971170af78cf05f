// The price tables. Adding one = a file here and a line below.
import { registry } from '../../base/registry.js'
import { cmos28 } from './cmos28.js'
import { isaac32 } from './isaac32.js'
import type { PriceTable } from './table.js'

export const priceTables = registry<PriceTable>('price table', [cmos28, isaac32])
