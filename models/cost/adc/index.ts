// The ADC models. Adding one = a file here and a line below.
import { registry } from '../../base/registry.js'
import { accelergy } from './accelergy.js'
import type { AdcModel } from './model.js'
import { neurosimSar } from './neurosim-sar.js'
import { zigzagImc } from './zigzag-imc.js'

export const adcModels = registry<AdcModel>('ADC model', [zigzagImc, accelergy, neurosimSar])
