// Round half to even, the rounding of every quantisation in the project.

/** 1.5 · 2^52: adding it leaves no fraction bits, and the addition itself rounds half to even (IEEE 754). */
const magic = 6755399441055744

/** Nearest integer, ties to the even one; exact for |x| < 2^51. */
export function roundHalfEven(x: number): number {
  return x + magic - magic
}
