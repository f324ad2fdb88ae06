import { controllerContract } from '../../../core/testing/index.ts'
import { hillClimbing } from '../../../plugins/local-search/hill-climbing.ts'

controllerContract('hill climbing', hillClimbing())
controllerContract('hill climbing by the first better', hillClimbing({ improvement: 'first' }))
controllerContract('hill climbing of three climbs', hillClimbing({ restarts: 3, steps: 2 }), { learns: false })
