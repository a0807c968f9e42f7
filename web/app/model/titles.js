/** Makes titles readable and searchable. */

const ARTICLES =
  "The|A|An|La|Le|Les|L'|Un|Una|Une|El|Los|Las|Il|Lo|I|Gli|Der|Die|Das|Den|Det|De|En|Et";

/** An article at the end of a title, or of a part in brackets: "Matrix, The". */
const TURNED = new RegExp(`([^()]+), (${ARTICLES})\\s*(?=\\(|\\)|$)`, 'g');

/**
 * A readable title: "Boat, The (Das Boot) (1981)" of 1981 is "The Boat (Das Boot)".
 *
 * @param {string} title
 * @param {unknown} year the item's year, if any, which the page shows beside the title
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
 * Lower-case words without accents and punctuation, each after a space: " amelie", " alien3".
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
