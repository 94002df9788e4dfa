/**
 * A node's directory: what lies where.
 *
 * @module
 */

/** The node's private key. */
export const KEY_FILE = "key.pem";
/** The federation document that the node starts from. */
export const FEDERATION_FILE = "federation.json";
/** The operator's settings; may be missing. */
export const CONFIG_FILE = "node.toml";
