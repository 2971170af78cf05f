// The topologies of the benchmarks, layer by layer as their papers give them: sizes only.
// ResNet: He et al., CVPR 2016, table 1 (stride of a bottleneck in its 3 × 3 convolution, as all common implementations have it).
// VGG-16: Simonyan and Zisserman, ICLR 2015, table 1, column D. LeNet: LeCun et al., Proc. IEEE 1998, figure 2, with ReLU and max-pooling.
import { type Builder, builder, input, type Topology } from './graph.js'

/** What an identity shortcut adds on average is taken off again, so that a ReLU behind the addition still blocks about half. */
const shortcutMean = 0.6

export const lenet: Topology = { name: 'lenet', channels: 1, side: 32, steps: lenetSteps() }
export const resnet18: Topology = { name: 'resnet18', channels: 3, side: 224, steps: resnet([2, 2, 2, 2], false) }
export const resnet50: Topology = { name: 'resnet50', channels: 3, side: 224, steps: resnet([3, 4, 6, 3], true) }
export const vgg16: Topology = { name: 'vgg16', channels: 3, side: 224, steps: vgg([2, 2, 3, 3, 3]) }

export const topologies: readonly Topology[] = [lenet, resnet18, resnet50, vgg16]

function lenetSteps(): Topology['steps'] {
  const net = builder()
  let x = net.relu(net.conv(input, { inputs: 1, outputs: 6, kernel: 5, pad: 0 }))
  x = net.maxPool(x, 2, 2, 0)
  x = net.relu(net.conv(x, { inputs: 6, outputs: 16, kernel: 5, pad: 0 }))
  x = net.flatten(net.maxPool(x, 2, 2, 0))
  x = net.relu(net.gemm(x, 400, 120))
  x = net.relu(net.gemm(x, 120, 84))
  net.gemm(x, 84, 10)
  return net.steps
}

function resnet(blocks: readonly number[], bottleneck: boolean): Topology['steps'] {
  const net = builder()
  let x = net.relu(net.conv(input, { inputs: 3, outputs: 64, kernel: 7, stride: 2 }))
  x = net.maxPool(x, 3, 2, 1)
  let width = 64
  for (const [stage, count] of blocks.entries()) {
    const inner = 64 * 2 ** stage
    const outer = bottleneck ? inner * 4 : inner
    for (let block = 0; block < count; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1
      x = residual(net, x, width, inner, outer, stride, bottleneck)
      width = outer
    }
  }
  net.gemm(net.flatten(net.mean(x)), width, 1000)
  return net.steps
}

function residual(
  net: Builder,
  x: string,
  width: number,
  inner: number,
  outer: number,
  stride: number,
  bottleneck: boolean,
): string {
  const identity = width === outer && stride === 1
  const shift = identity ? -shortcutMean : 0
  let y = x
  if (bottleneck) {
    y = net.relu(net.conv(y, { inputs: width, outputs: inner, kernel: 1 }))
    y = net.relu(net.conv(y, { inputs: inner, outputs: inner, kernel: 3, stride }))
    y = net.conv(y, { inputs: inner, outputs: outer, kernel: 1, shift })
  } else {
    y = net.relu(net.conv(y, { inputs: width, outputs: inner, kernel: 3, stride }))
    y = net.conv(y, { inputs: inner, outputs: outer, kernel: 3, shift })
  }
  const shortcut = identity ? x : net.conv(x, { inputs: width, outputs: outer, kernel: 1, stride })
  return net.relu(net.add(y, shortcut))
}

function vgg(convs: readonly number[]): Topology['steps'] {
  const net = builder()
  let x = input
  let width = 3
  for (const [stage, count] of convs.entries()) {
    const outputs = Math.min(512, 64 * 2 ** stage)
    for (let i = 0; i < count; i++) {
      x = net.relu(net.conv(x, { inputs: width, outputs, kernel: 3 }))
      width = outputs
    }
    x = net.maxPool(x, 2, 2, 0)
  }
  x = net.flatten(x)
  x = net.relu(net.gemm(x, 512 * 7 * 7, 4096))
  x = net.relu(net.gemm(x, 4096, 4096))
  net.gemm(x, 4096, 1000)
  return net.steps
}
