export { type LeaseContractOptions, leaseContract } from "./contract.ts";
