/**
 * A terminal's contents as an SVG picture, for the documentation.
 *
 *     tmux new-session -d -s shot -x 100 -y 30 'npm start'      (and type into it)
 *     tmux capture-pane -t shot -e -p | npx tsx tools/terminal-screenshot.ts 'npm start' > docs/terminal.svg
 *
 * Reads text with SGR escape sequences (ECMA-48, 8.3.117: bold and the 16 colours, as tmux writes them) from standard
 * input; the argument is the title of the window.
 */
import { readFileSync } from 'node:fs'

const CELL_WIDTH = 8.4
const LINE_HEIGHT = 18
const FONT_SIZE = 14
const MARGIN = 16
const TITLE_HEIGHT = 34
const COLUMNS = 100
const BACKGROUND = '#16181d'
const FOREGROUND = '#d6d8de'
/** Black, red, green, yellow, blue, magenta, cyan, white; then the bright ones. */
const COLOURS = [
  '#30343c', '#e06c75', '#98c379', '#d9b36c', '#61afef', '#c678dd', '#56b6c2', '#d6d8de',
  '#5c6370', '#ef8b93', '#b3dd95', '#ecca88', '#82c4ff', '#dc9bef', '#78d3df', '#ffffff',
]
const BRIGHT = 8

interface Style {
  readonly bold: boolean
  readonly colour: string
}

const PLAIN: Style = { bold: false, colour: FOREGROUND }

/** The style behind an SGR sequence with these parameters. */
function restyle(style: Style, parameters: readonly number[]): Style {
  let { bold, colour } = style
  for (const parameter of parameters) {
    if (parameter === 0) ({ bold, colour } = PLAIN)
    else if (parameter === 1) bold = true
    else if (parameter === 22) bold = false
    else if (parameter >= 30 && parameter <= 37) colour = COLOURS[parameter - 30]
    else if (parameter === 39) colour = FOREGROUND
    else if (parameter >= 90 && parameter <= 97) colour = COLOURS[parameter - 90 + BRIGHT]
  }
  return { bold, colour }
}

const escapeXml = (text: string): string =>
  text.replace(/[&<>]/g, character => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character] ?? '')

/** One line: a text element for each stretch of one style, blanks left out. */
function lineSvg(line: string, y: number, initial: Style): { svg: string; style: Style } {
  let style = initial
  let column = 0
  let svg = ''
  for (const part of line.split(/(\x1b\[[\d;]*m)/)) {
    if (part.startsWith('\x1b')) {
      style = restyle(style, part.slice(2, -1).split(';').map(Number))
      continue
    }
    for (const { 0: text, index } of part.matchAll(/\S+(?: \S+)*/g)) {
      const x = MARGIN + (column + index) * CELL_WIDTH
      const weight = style.bold ? ' font-weight="bold"' : ''
      const width = (text.length * CELL_WIDTH).toFixed(1)
      svg += `<text x="${x.toFixed(1)}" y="${y}" textLength="${width}" fill="${style.colour}"${weight}>${escapeXml(text)}</text>\n`
    }
    column += part.length
  }
  return { svg, style }
}

/** The whole picture. */
function pictureOf(lines: readonly string[], title: string): string {
  const width = Math.ceil(COLUMNS * CELL_WIDTH + 2 * MARGIN)
  const height = TITLE_HEIGHT + lines.length * LINE_HEIGHT + 2 * MARGIN
  let style = PLAIN
  const text = lines.map((line, i) => {
    const drawn = lineSvg(line, TITLE_HEIGHT + MARGIN + (i + 1) * LINE_HEIGHT - 4, style)
    style = drawn.style
    return drawn.svg
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>${escapeXml(title)}</title>
<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>
<path d="M0 ${TITLE_HEIGHT}V8a8 8 0 0 1 8-8h${width - 16}a8 8 0 0 1 8 8v${TITLE_HEIGHT - 8}z" fill="#262a32"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="${FONT_SIZE}">
<text x="${width / 2}" y="22" text-anchor="middle" fill="#9aa0ac">${escapeXml(title)}</text>
${text.join('')}</g>
</svg>
`
}

const lines = readFileSync(0, 'utf8').trimEnd().split('\n')
process.stdout.write(pictureOf(lines, process.argv[2] ?? 'terminal'))
