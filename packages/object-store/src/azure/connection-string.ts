/**
 * Azure's connection strings, read for what they say of blobs.
 *
 * Problems are told without a word of the string, which holds the key of the account.
 */

export interface AzureConnectionString {
  readonly account?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly accountKey?: string | undefined;
  readonly sasToken?: string | undefined;
}

/** Throws RangeError for what is no connection string. */
export function parseConnectionString(text: string): AzureConnectionString {
  const fields = fieldsOf(text);
  const account = fields.get("accountname");
  const accountKey = fields.get("accountkey");
  const sasToken = fields.get("sharedaccesssignature");
  if (fields.has("usedevelopmentstorage")) {
    throw new RangeError(
      "the connection string must spell out AccountName, AccountKey and BlobEndpoint",
    );
  }
  if (accountKey === undefined && sasToken === undefined) {
    throw new RangeError("the connection string has no AccountKey and no SharedAccessSignature");
  }
  const endpoint = fields.get("blobendpoint") ?? endpointOf(account, fields);
  return { account: account ?? accountOfHost(endpoint), endpoint, accountKey, sasToken };
}

function fieldsOf(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const part of text.split(";")) {
    if (part.trim() === "") continue;
    // Keys end in "=", and so do SAS tokens.
    const at = part.indexOf("=");
    if (at < 1) throw new RangeError("the connection string is not a list of NAME=VALUE;");
    fields.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  return fields;
}

function endpointOf(
  account: string | undefined,
  fields: ReadonlyMap<string, string>,
): string | undefined {
  if (account === undefined) return undefined;
  const protocol = fields.get("defaultendpointsprotocol") ?? "https";
  const suffix = fields.get("endpointsuffix") ?? "core.windows.net";
  return `${protocol}://${account}.blob.${suffix}`;
}

/** `https://ACCOUNT.blob....`: strings with a SAS token need not name the account otherwise. */
function accountOfHost(endpoint: string | undefined): string | undefined {
  return /^https?:\/\/([^./]+)\.blob\./i.exec(endpoint ?? "")?.[1];
}
