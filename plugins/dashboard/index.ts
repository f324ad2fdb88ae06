/** A dashboard in the browser: studies, trials, fronts and architectures, live while searches run. */
export { type DashboardOptions, dashboard, declared } from './dashboard.ts'
export { observedStudies } from './observed-studies.ts'
export { type Controls, type DashboardServer, type DashboardServerOptions, serveDashboard } from './serve.ts'
