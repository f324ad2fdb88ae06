/** A program that never ends and does not use the signal it is offered. */
export async function main({ log }: { readonly log: (text: string) => void }) {
  log('working')
  await new Promise(() => setInterval(() => {}, 1000))
}
