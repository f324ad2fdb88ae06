import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('mlflow', {
  ARCHLOOM_MLFLOW: (d: { url: string; request: string; message: string }) =>
    `the MLflow server at ${d.url} did not answer ${d.request}: ${d.message}. Start it with "mlflow server", or name another address with the option url. The study itself is complete; what the server has not received is sent when the study is next resumed.`,
  ARCHLOOM_MLFLOW_REFUSED: (d: { url: string; request: string; status: number; message: string }) =>
    `the MLflow server at ${d.url} refused ${d.request} with status ${d.status}: ${quote(d.message, 400)}. This request was left out; all others are sent.`,
  ARCHLOOM_MLFLOW_ACCESS: (d: { url: string; request: string; status: number }) =>
    `the MLflow server at ${d.url} answered ${d.request} with status ${d.status}; expected permission to write. Set the option token, MLFLOW_TRACKING_TOKEN, or a user and a password in the option url.`,
})
