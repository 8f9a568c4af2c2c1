/**
 * The node id in the header of an upload: which holder made it, and which file it continues.
 *
 *   low 32 bits    generation of the lease; zero without one
 *   high 32 bits   the high half of the file checksum of the level-0 file before; zero when there
 *                  is none, as after files that others compacted
 *
 * Always true: what a file names as the one before was the newest in the bucket when it was made,
 * so it is a part of the replica's history, whatever came to the bucket later.
 */

const HALF_BITS = 32;

export interface NodeIdParts {
  readonly generation: bigint;
  readonly previousChecksum: bigint | undefined;
}

export function makeNodeId({ generation, previousChecksum = 0n }: NodeIdParts): bigint {
  return (linkOf(previousChecksum) << BigInt(HALF_BITS)) | BigInt.asUintN(HALF_BITS, generation);
}

/** Whether the upload of that node id says that it continues the file of this checksum. */
export function continuesFile(nodeId: bigint, fileChecksum: bigint): boolean {
  const link = linkOf(fileChecksum);
  return link !== 0n && linkOf(nodeId) === link;
}

function linkOf(value: bigint): bigint {
  return BigInt.asUintN(2 * HALF_BITS, value) >> BigInt(HALF_BITS);
}
