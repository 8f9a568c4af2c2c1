/** Files that other programs wrote, as they describe them (golden/manifest.json). */
import { describe, expect, it } from "vitest";
import {
  type DecodedPage,
  decodeLtx,
  decodeLtxStream,
  encodeLtx,
  formatChecksum,
  formatTxid,
  HEADER_LAYOUT,
  type LtxFile,
  mergeLtx,
  restoreDatabase,
} from "../src/index.ts";
import { manifest, readGolden } from "./golden-files.ts";
import { chunkedLater, sha256 } from "./support.ts";

/** The header in the manifest's words. */
function headerOf(file: LtxFile): Record<string, number | string> {
  const { header } = file;
  return {
    flags: header.noChecksum ? 2 : 0,
    pageSize: header.pageSize,
    commit: header.commit,
    minTxid: formatTxid(header.minTxid),
    maxTxid: formatTxid(header.maxTxid),
    timestampMs: header.timestampMs,
    preApplyChecksum: textOf(header.preApplyChecksum),
    walOffset: header.walOffset,
    walSize: header.walSize,
    walSalt1: header.walSalt1,
    walSalt2: header.walSalt2,
    nodeId: header.nodeId.toString(16).padStart(16, "0"),
  };
}

function textOf(checksum: Parameters<typeof formatChecksum>[0] | undefined): string {
  return checksum === undefined ? "0".repeat(16) : formatChecksum(checksum);
}

function pageOf({ pgno, page, offset, size, encoding }: DecodedPage) {
  return { pgno, offset, size, encoding, sha256: sha256(page) };
}

describe("golden files", () => {
  for (const golden of manifest.files) {
    describe(golden.name, () => {
      const bytes = readGolden(golden.name);
      const file = decodeLtx(bytes);

      it("is the file that the manifest describes", () => {
        expect(bytes.length).toBe(golden.size);
        expect(sha256(bytes)).toBe(golden.sha256);
        expect(Object.keys(golden.header)).toEqual(
          HEADER_LAYOUT.map((entry) => entry.field).filter(
            (f) => f !== "magic" && f !== "reserved",
          ),
        );
      });

      it("decodes from a buffer", () => {
        expect(headerOf(file)).toEqual(golden.header);
        expect([...file.pages()].map(pageOf)).toEqual(golden.pages);
        expect(textOf(file.trailer.postApplyChecksum)).toBe(golden.trailer.postApplyChecksum);
        expect(formatChecksum(file.trailer.fileChecksum)).toBe(golden.trailer.fileChecksum);
      });

      it("decodes from a stream", async () => {
        const stream = await decodeLtxStream(chunkedLater(bytes, 1000));
        const pages: unknown[] = [];
        for await (const page of stream.pages()) pages.push(pageOf(page));
        expect(pages).toEqual(golden.pages);
        expect(stream.trailer).toEqual(file.trailer);
      });

      it("decodes page by page", () => {
        for (const { pgno, sha256: expected } of golden.pages) {
          expect(sha256(file.page(pgno as never) as Uint8Array)).toBe(expected);
        }
      });

      it("has the same content when it is encoded again", () => {
        const pages = [...file.pages()];
        const { postApplyChecksum } = file.trailer;
        const again = decodeLtx(encodeLtx({ header: file.header, pages, postApplyChecksum }));
        expect(again.header).toEqual(file.header);
        expect(again.trailer.postApplyChecksum).toEqual(postApplyChecksum);
        expect([...again.pages()].map((page) => sha256(page.page))).toEqual(
          golden.pages.map((page) => page.sha256),
        );
      });
    });
  }

  for (const { files, sha256: expected } of manifest.restores) {
    it(`${files.length} files make the database that Litestream makes of them`, async () => {
      const inputs = files.map(readGolden);
      expect(sha256((await restoreDatabase(inputs).bytes()).bytes)).toBe(expected);
      const merged = (await mergeLtx(inputs).bytes()).bytes;
      expect(sha256((await restoreDatabase([merged]).bytes()).bytes)).toBe(expected);
    });
  }
});
