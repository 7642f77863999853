/** What has types of Node's in it, apart from the rest, so that programs without those types compile. */
export { asDuplex } from "./port-duplex-node.js";
