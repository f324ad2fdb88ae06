import { decorate, inject, injectable, type ServiceIdentifier } from 'inversify'

/** The decorators applied as functions: what `@injectable()` and `@inject(token)` do, without a compiler flag. */
export const Injectable = (type: new (...parts: never[]) => unknown) => decorate([injectable()], type)
export const Inject = <T>(token: ServiceIdentifier<T>, type: new (...parts: never[]) => unknown, index: number) =>
  decorate(inject(token), type, index)
