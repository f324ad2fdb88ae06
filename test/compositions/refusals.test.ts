import { refusals } from './matrix.ts'

refusals()
