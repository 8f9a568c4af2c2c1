/** What an engine fills, for tests of the page device that reads it. */
export { bufferMemory, byteLengthFor, PageCache } from "@headwater/page-cache";
export type { ImageReader, OpenImage } from "./image-reader.ts";
export { type SegmentFiles, systemSegmentFiles } from "./segment-files.ts";
export {
  DeviceError,
  WriterDevice,
  WriterDeviceFactory,
  type WriterDeviceFactoryOptions,
} from "./writer-device.ts";
