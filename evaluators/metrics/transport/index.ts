/** Wasserstein distances: in closed form between Gaussians, exact between samples, and along random lines. */
export { type Assignment, assignment } from './assignment.ts'
export { exactTransport, type GroundCost, type TransportPlan } from './exact.ts'
export { type Gaussian, gaussianTransport, linearTransport, momentsOf } from './gaussian.ts'
export { type Points, pointsOf } from './points.ts'
export { slicedTransport } from './sliced.ts'
