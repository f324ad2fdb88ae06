/** The parts of the dashboard's page, for pages of a checkout that show studies of their own: `answerFrom` says whence. */
import './style.css'
import 'uplot/dist/uPlot.min.css'

export { ArchitectureDrawings } from './architecture/drawing.tsx'
export { answerFrom, ask, useAnswer } from './asking.ts'
export { ComparePage } from './compare.tsx'
export { countText, durationText, numberText, wireText } from './format.ts'
export { Brand } from './mark.tsx'
export { Badge, Card, Empty, Fact, Problem, Select } from './parts.tsx'
export { go, studyPath, useRoute } from './route.ts'
export { StudyPage } from './study.tsx'
