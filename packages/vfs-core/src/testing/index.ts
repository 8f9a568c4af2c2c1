export { type SegmentFiles, systemSegmentFiles } from "./segment-files.ts";
export {
  DeviceError,
  WriterDevice,
  WriterDeviceFactory,
  type WriterDeviceFactoryOptions,
} from "./writer-device.ts";
