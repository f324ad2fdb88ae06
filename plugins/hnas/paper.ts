export { hnasPaper as paper } from '../../search-spaces/super-resolution/index.ts'
