/** Version of the package; a test checks that it equals that of package.json. */
export const VERSION = '0.1.0'
