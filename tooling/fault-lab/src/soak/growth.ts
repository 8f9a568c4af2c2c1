/**
 * Whether a process holds more as time goes on: what it held in the last third of its time beside
 * what it held in the middle one. The first third is for filling caches.
 */

export interface Sample {
  readonly rssBytes: number;
  /** Open file descriptors; undefined where a process cannot count them. */
  readonly openCount: number | undefined;
}

export interface Growth {
  readonly sampleCount: number;
  /** Medians of the two thirds, and the most there ever was. */
  readonly rssMib: readonly [middle: number, last: number, most: number];
  readonly openCount: readonly [middle: number, last: number, most: number];
  /** What grew; nothing also when it was looked at too seldom to tell. */
  readonly problems: readonly string[];
}

/** With fewer, the thirds differ by chance. */
const SAMPLES_MIN = 60;
/** Garbage that nobody has collected yet comes and goes. */
const RSS_SHARE = 0.15;
const RSS_MIB = 24;
const OPEN_COUNT = 8;

const MIB = 1024 * 1024;

export function measureGrowth(samples: readonly Sample[]): Growth {
  const rssMib = thirdsOf(samples.map((sample) => Math.round(sample.rssBytes / MIB)));
  const openCount = thirdsOf(samples.map((sample) => sample.openCount ?? 0));
  const problems: string[] = [];
  if (samples.length >= SAMPLES_MIN) {
    if (grewBy(rssMib) > Math.max(RSS_MIB, RSS_SHARE * rssMib[0])) {
      problems.push(`memory grew from ${rssMib[0]} to ${rssMib[1]} MiB`);
    }
    if (grewBy(openCount) > OPEN_COUNT) {
      problems.push(`open files and sockets grew from ${openCount[0]} to ${openCount[1]}`);
    }
  }
  return { sampleCount: samples.length, rssMib, openCount, problems };
}

function grewBy([middle, last]: Growth["rssMib"]): number {
  return last - middle;
}

function thirdsOf(values: readonly number[]): Growth["rssMib"] {
  const third = Math.floor(values.length / 3);
  const middle = medianOf(values.slice(third, 2 * third));
  return [middle, medianOf(values.slice(2 * third)), Math.max(0, ...values)];
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
