// A 5 × 7 dot font for labels in PNG pictures, drawn for this file: capital letters, digits and a few signs. A row is five bits.
const rows: Readonly<Record<string, string>> = {
  A: '0e11111f111111',
  B: '1e11111e11111e',
  C: '0e11101010110e',
  D: '1e11111111111e',
  E: '1f10101e10101f',
  F: '1f10101e101010',
  G: '0e11101713110f',
  H: '1111111f111111',
  I: '0e04040404040e',
  J: '0702020202120c',
  K: '11121418141211',
  L: '1010101010101f',
  M: '111b1515111111',
  N: '11191513111111',
  O: '0e11111111110e',
  P: '1e11111e101010',
  Q: '0e11111115120d',
  R: '1e11111e141211',
  S: '0f10100e01011e',
  T: '1f040404040404',
  U: '1111111111110e',
  V: '11111111110a04',
  W: '1111111515150a',
  X: '11110a040a1111',
  Y: '11110a04040404',
  Z: '1f01020408101f',
  '0': '0e11131519110e',
  '1': '040c040404040e',
  '2': '0e11010204081f',
  '3': '1f02040201110e',
  '4': '02060a121f0202',
  '5': '1f101e0101110e',
  '6': '0608101e11110e',
  '7': '1f010204080808',
  '8': '0e11110e11110e',
  '9': '0e11110f01020c',
  '.': '00000000000c0c',
  ',': '000000000c0408',
  ':': '000c0c000c0c00',
  ';': '000c0c000c0408',
  '-': '0000000e000000',
  '–': '0000001f000000',
  '+': '0004041f040400',
  '=': '00001f001f0000',
  '/': '00010204081000',
  '%': '18190204081303',
  '(': '02040808080402',
  ')': '08040202020408',
  '×': '00110a040a1100',
  '·': '0000000c0c0000',
  '→': '0004021f020400',
  _: '0000000000001f',
  '…': '00000000000015',
}
const unknown = '1f11111111111f'

export const glyph = { width: 5, height: 7, advance: 6 }

/** Whether the dot (x, y) of a sign is set; small letters are drawn as capitals, what is not known as a box. */
export function dot(sign: string, x: number, y: number): boolean {
  if (sign === ' ') return false
  const bits = rows[sign.toUpperCase()] ?? unknown
  return ((Number.parseInt(bits.slice(2 * y, 2 * y + 2), 16) >> (glyph.width - 1 - x)) & 1) === 1
}
