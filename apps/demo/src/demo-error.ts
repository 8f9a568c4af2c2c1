/**
 * What went wrong, as one sentence for the person who runs the demo.
 */
export class DemoError extends Error {
  override name = "DemoError";
}
