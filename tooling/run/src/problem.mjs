/**
 * Something the person at the keyboard can act on: one sentence, and no stack.
 */
export class ProblemError extends Error {
  /**
   * @param {string} message
   * @param {number} [exitCode]
   */
  constructor(message, exitCode = 1) {
    super(message);
    this.name = "ProblemError";
    this.exitCode = exitCode;
  }
}
