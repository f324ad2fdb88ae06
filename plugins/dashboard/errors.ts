import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('dashboard', {
  ARCHLOOM_DASHBOARD_PACKAGE_MISSING: (d: { name: string; install: string; reason: string }) =>
    `the dashboard needs the package ${quote(d.name)}, which cannot be loaded: ${d.reason}. Run \`npm install ${d.install}\`.`,
  ARCHLOOM_DASHBOARD_PAGE_MISSING: (d: { folder: string; reason: string }) =>
    `the dashboard's page is not in ${quote(d.folder)} and cannot be built: ${d.reason}. Run \`npm ci && npm run build\` in a checkout, or install the package anew.`,
  ARCHLOOM_DASHBOARD_ADDRESS: (d: { host: string; port: number; message: string }) =>
    `the dashboard cannot listen on ${quote(d.host)}, port ${d.port}: ${d.message}. Give another --port (0 takes any free one) or --host.`,
  ARCHLOOM_DASHBOARD_QUERY: (d: { parameter: string; received: unknown; expected: string }) =>
    `the parameter ${quote(d.parameter)} is ${quote(d.received)}; expected ${d.expected}. Correct the address.`,
  ARCHLOOM_DASHBOARD_TRIAL: (d: { study: string; received: string; trials: number }) =>
    `study ${quote(d.study)} has no trial ${quote(d.received)}; expected a whole number below ${d.trials}. Correct the address.`,
  ARCHLOOM_DASHBOARD_IMAGE: (d: { image: string; problem: string }) =>
    `the image ${quote(d.image)} cannot be shown: ${d.problem}. Expected a PNG, JPEG, WebP or GIF image of at most 16 MB that the study names; start the dashboard in the folder in which the search ran.`,
  ARCHLOOM_DASHBOARD_HOST: (d: { received: string | undefined; expected: string }) =>
    `a request for host ${quote(d.received)} was refused; expected ${d.expected}. Open the address that the dashboard printed, or start it with --host.`,
  ARCHLOOM_DASHBOARD_TOKEN: (d: { received: string }) =>
    `a request that changes a search came with ${d.received}; expected the token that the dashboard was started with. Start it with --token <text> and enter that text on the page.`,
  ARCHLOOM_DASHBOARD_READ_ONLY: (d: { study: string }) =>
    `study ${quote(d.study)} cannot be changed from here: its search does not run in the dashboard's process. Start the search with --dashboard and --token.`,
})
