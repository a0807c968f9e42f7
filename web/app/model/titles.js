/** Titles as logs spell them -> as people read them, and as they search for them. */

const ARTICLES =
  "The|A|An|La|Le|Les|L'|Un|Una|Une|El|Los|Las|Il|Lo|I|Gli|Der|Die|Das|Den|Det|De|En|Et";

/** "Matrix, The" at the end of a title or of a part in brackets. */
const TURNED = new RegExp(`([^()]+), (${ARTICLES})\\s*(?=\\(|\\)|$)`, 'g');

/**
 * A title as people read it: "Boat, The (Das Boot) (1981)" of 1981 is "The Boat (Das Boot)".
 *
 * @param {string} title
 * @param {unknown} year the item's year if it has one; it is shown beside the title
 */
export function readable(title, year) {
  const end = `(${year})`;
  const bare = title.trim().endsWith(end) ? title.trim().slice(0, -end.length).trim() : title;
  const turned = bare.replace(TURNED, (_, rest, article) => {
    const space = article.endsWith("'") ? '' : ' ';
    return `${/^\s*/.exec(rest)?.[0] ?? ''}${article}${space}${rest.trim()} `;
  });
  return turned.replace(/\s+/g, ' ').replace(/ \)/g, ')').trim() || title;
}

/**
 * Words without case, accents and signs, a space before each: " amelie", " alien3".
 *
 * @param {string} text
 */
export function words(text) {
  const plain = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return ` ${plain
    .replace(/['’]/g, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()}`;
}
