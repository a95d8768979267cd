// @ts-check
// Searches with images of the visitor, and with parts of images, as `rsh.explorer.page` does. They stay in the browser.

import { Encoder, missing } from "../images/encoder.js";
import { checkSize, MAX_BYTES } from "../images/files.js";
import { crop, readImage, toJpeg } from "../images/read.js";
import { describeQuery } from "../query.js";
import { SiteError } from "../store.js";
import { largestOf } from "./viewer.js";

/** @import { ReadImage } from "../images/read.js" */
/** @import { Content, Explorer } from "../explorer.js" */
/** @import { Part, PartPanel, QueryImage } from "../types" */

const SMALL = 256; // pixels of the longer side of a query's image
const LARGE = 2048; // of an enlarged image: more than most screens show
const STEPS = 10; // of a download that are told: each is read out

const NO_NETWORK = "This site was published without its network, so it cannot search with your own images.";

/** @param {string} name */
const readingWords = (name) => `Reading ${name}: the first image takes some seconds.`;

/** @param {number} bytes */
const inMegabytes = (bytes) => String(Math.ceil(bytes / 1e6));

/** @implements {Part} */
export class ImagesPart {
  tab = null;
  /** @type {PartPanel[]} */
  panels = [];

  /** @param {Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    this.encoder = explorer.gallery.manifest.encoder && new Encoder(explorer.gallery);
    /** Whichever image came last, since only that one counts; null if none waits. @type {object | null} */
    this.newest = null;
    this.step = -1;
  }

  /** What the panel of a visitor's images begins with. */
  get traits() {
    const { encoder } = this;
    const { has_images: hasImages } = this.explorer.gallery.manifest; // a network of embeddings takes none
    if (!encoder) return { images: false, limit: 0, about: hasImages ? NO_NETWORK : "" };
    const cost = `The first search loads ${inMegabytes(encoder.size)}\u00a0MB, once.`;
    return { images: true, limit: MAX_BYTES, about: missing() || `Images never leave your browser. ${cost}` };
  }

  /** @type {(panel: string, content: Content, buffers: ArrayBuffer[]) => void} */
  receive(_panel, { kind, name, size, row, box }, [bytes]) {
    const { explorer, encoder } = this;
    if (!encoder) return;
    if (kind === "too large") explorer.queue(() => checkSize(String(name), Number(size)));
    if (kind === "prepare" && !missing()) this.load(encoder).catch(() => {}); // an image will say what is wrong
    if (kind === "image") this.take(encoder, String(name), () => readImage(bytes, String(name)));
    if (kind === "part") this.takePart(encoder, Number(row), /** @type {number[]} */ (box));
  }

  refresh() {
    this.explorer.set("export", { own_image: Boolean(this.explorer.state.query.image) });
  }

  open() {}

  /**
   * Load the network, the first time; while an image waits, tell how far it has come.
   * @param {Encoder} encoder
   */
  load(encoder) {
    return encoder.open((loaded) => {
      const step = Math.floor((STEPS * loaded) / encoder.size);
      if (!this.newest || step === this.step) return;
      this.step = step;
      this.say(`Loading the network: ${inMegabytes(loaded)} of ${inMegabytes(encoder.size)} MB.`);
    });
  }

  /** @param {string} working */
  say(working) {
    this.explorer.set("upload", { working });
    this.explorer.flush();
  }

  /**
   * Encode an image, then search with it, unless the query has changed.
   * @param {Encoder} encoder
   * @param {string} name
   * @param {() => Promise<ReadImage>} read
   */
  async take(encoder, name, read) {
    const { explorer } = this;
    const mine = {};
    this.newest = mine;
    this.say(readingWords(name));
    await explorer.last;
    const before = explorer.state.query;
    /** @type {() => void} */
    let show;
    try {
      const image = await this.encode(encoder, name, read);
      show = () => this.show(image, before);
    } catch (error) {
      show = () => explorer.alert(explorer.explain(/** @type {Error} */ (error)));
    }
    if (this.newest !== mine) return;
    this.newest = null;
    this.say("");
    await explorer.queue(show);
  }

  /**
   * @param {Encoder} encoder
   * @param {string} name
   * @param {() => Promise<ReadImage>} read
   * @returns {Promise<QueryImage>}
   */
  async encode(encoder, name, read) {
    const lacking = missing();
    if (lacking) throw new SiteError(lacking);
    const { canvas, note } = await read();
    await this.load(encoder);
    this.say(readingWords(name));
    const encoded = await encoder.encode(canvas);
    const [thumb, large] = [await toJpeg(canvas, SMALL), await toJpeg(canvas, LARGE)];
    return { ...encoded, name, note, large, thumb: new DataView(thumb) };
  }

  /**
   * @param {QueryImage} image
   * @param {object} before the query when the image came
   */
  async show(image, before) {
    const { explorer } = this;
    if (explorer.state.query !== before) {
      explorer.alert(`${image.name} was ready after you chose another query: upload it again`);
      return;
    }
    explorer.state.chooseImage(image);
    await explorer.refresh();
    explorer.alert(image.note);
  }

  /**
   * Search with a part of the image in the viewer.
   * @param {Encoder} encoder
   * @param {number} row
   * @param {number[]} box
   */
  async takePart(encoder, row, box) {
    const { explorer } = this;
    const { gallery, state } = explorer;
    const answer = (/** @type {string} */ problem) => explorer.send("viewer", { kind: "part", row, problem });
    try {
      const tile = row < 0 ? describeQuery(gallery, state.query) : gallery.describe(row);
      const { canvas } = await readImage((await largestOf(explorer, row)).content, tile.name);
      const part = crop(canvas, box);
      answer("");
      await this.take(encoder, `part of ${tile.name}`, async () => ({ canvas: part, note: "" }));
    } catch (error) {
      answer(explorer.explain(/** @type {Error} */ (error)));
    }
  }
}
