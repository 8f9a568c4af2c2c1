export { nativeCodec } from "../native-codec.ts";
export { defaultJournalDir } from "../options.ts";
export { fileLocks } from "./file-locks.ts";
export { type LeftJournal, type LeftSegment, openLeftJournal } from "./left-journal.ts";
