/**
 * The reason of an abort of which nobody hears. Without one, each abort makes an error of its own,
 * with its stack: the first one takes milliseconds.
 */
export const OVER = new Error("the work has ended");
