/** The one place where this package reads the environment. */
export function environment(): NodeJS.ProcessEnv {
  return process.env;
}
