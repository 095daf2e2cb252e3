/** How many columns make the biggest tiles. Pure. */
export interface Box {
  width: number;
  height: number;
}

export interface Grid {
  columns: number;
  rows: number;
  tile: Box;
}

/** Tiles are never narrower than 3:4 (a phone held upright) nor wider than 16:9 (a camera). */
const NARROWEST = 3 / 4;
const WIDEST = 16 / 9;

export function gridFor(count: number, area: Box, gap: number): Grid {
  let best: Grid = { columns: 1, rows: 1, tile: { width: 0, height: 0 } };
  let bestSize = -1;
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.max(1, Math.ceil(count / columns));
    const tile = fit({
      width: (area.width - gap * (columns - 1)) / columns,
      height: (area.height - gap * (rows - 1)) / rows,
    });
    const size = tile.width * tile.height;
    if (size > bestSize) {
      best = { columns, rows, tile };
      bestSize = size;
    }
  }
  return best;
}

function fit(cell: Box): Box {
  const width = Math.max(0, Math.min(cell.width, cell.height * WIDEST));
  return { width: Math.floor(width), height: Math.floor(Math.max(0, Math.min(cell.height, width / NARROWEST))) };
}

/** A face is hard to read in less than this. */
const SMALLEST: Box = { width: 112, height: 84 };
const MOST = 25;

/** How many tiles this area can carry; at least two, so that a conversation always fits. */
export function capacity(area: Box, gap: number): number {
  const columns = Math.floor((area.width + gap) / (SMALLEST.width + gap));
  const rows = Math.floor((area.height + gap) / (SMALLEST.height + gap));
  return Math.min(MOST, Math.max(2, columns * rows));
}
