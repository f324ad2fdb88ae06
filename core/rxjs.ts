/** RxJS as archloom uses it, for programs whose package manager gives them only their own dependencies. */
export * from 'rxjs'
