// Node 22 and later compile with Maglev in between. That of Node 24.21 (V8 13.6) was seen to let objects share numbers: in one of twenty runs with
// four threads a matrix had the sizes of the next one, or the energy of a chip was that of another; without Maglev in none of 36. Numbers come
// first, so it is switched off, for the whole process. Node 20 has it switched off by itself.
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--no-maglev')
