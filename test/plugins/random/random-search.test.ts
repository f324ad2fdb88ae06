import { controllerContract } from '../../../core/testing/index.ts'
import { randomSearch } from '../../../plugins/random/random-search.ts'

controllerContract('random search', randomSearch(), { learns: false })
