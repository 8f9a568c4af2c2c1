export { type ObjectStoreContractOptions, objectStoreContract } from "./contract.ts";
export {
  type Fault,
  type FaultRule,
  type FaultyOptions,
  FaultyStore,
  faulty,
} from "./faulty-store.ts";
export { seededRandom } from "./seeded-random.ts";
