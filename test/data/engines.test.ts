// The small networks of the data folder on both engines: the same doubles everywhere. `npm run verify:networks` does it with all of them.
import { describe, expect, it } from 'vitest'
import { networkNames } from '../../bench/networks/data.js'
import { verifyNetwork } from '../../bench/networks/verify.js'

const small = ['dscnn_kws_int8', 'lenet5_mnist_fp32', 'mnist_cnn_fp32', 'resnet8_cifar10_int8']
const here = small.filter((name) => networkNames().includes(name))

describe.skipIf(here.length === 0)('fast engine on trained networks', () => {
  it.each(here)('%s: every number of the result is the event engine’s', async (name) => {
    const { difference, compared, layers, vectors, vectorsTotal } = await verifyNetwork(name)
    expect(difference).toBeNull()
    expect(compared).toBeGreaterThan(100 * layers)
    expect(vectors).toBe(vectorsTotal)
  })
})

if (networkNames().length === 0) process.stdout.write('skipped: CIMULATOR_DATA not set\n')
else if (here.length === 0) process.stdout.write(`skipped: CIMULATOR_DATA has none of ${small.join(', ')}\n`)
