/** Drawn stand-ins for cameras and a shared screen. */
const WALLS = ["#c9d6d2", "#d8cfc2", "#bfcbd6", "#d5d8c8", "#cfc6d3"];
const CLOTHES = ["#33566b", "#6b4a3a", "#3d6b52", "#5a4a73", "#7a3f4a"];
const SKIN = ["#e7bd9e", "#8d5f41", "#f0cdb0", "#b07e58", "#6b452e"];

function stream(width: number, height: number, draw: (context: CanvasRenderingContext2D) => void): MediaStreamTrack {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d")!;
  const track = canvas.captureStream(5).getVideoTracks()[0]!;
  draw(context);
  // A canvas that never changes sends one picture, perhaps before anybody looks: draw it a few times more.
  for (const later of [300, 600, 1_200]) setTimeout(() => draw(context), later);
  return track;
}

const faces = new Map<number, MediaStreamTrack>();

export function face(index: number): MediaStreamTrack {
  const look = index % 5;
  const track = faces.get(look) ?? drawFace(look);
  faces.set(look, track);
  return track.clone();
}

function drawFace(index: number): MediaStreamTrack {
  return stream(640, 480, (context) => {
    context.fillStyle = WALLS[index % WALLS.length]!;
    context.fillRect(0, 0, 640, 480);
    context.fillStyle = "rgb(255 255 255 / 45%)";
    context.fillRect(40 + 60 * (index % 4), 50, 150, 190);
    context.fillStyle = CLOTHES[index % CLOTHES.length]!;
    context.beginPath();
    context.ellipse(320, 500, 190, 150, 0, 0, 7);
    context.fill();
    context.fillStyle = SKIN[index % SKIN.length]!;
    context.fillRect(285, 300, 70, 80);
    context.beginPath();
    context.ellipse(320, 240, 85, 110, 0, 0, 7);
    context.fill();
    context.fillStyle = "#2b211b";
    context.beginPath();
    context.ellipse(320, 165, 92, 62, 0, Math.PI, 0);
    context.fill();
  });
}

export function sharedScreen(): MediaStreamTrack {
  return stream(1280, 720, (context) => {
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, 1280, 720);
    context.fillStyle = "#0e5a6b";
    context.fillRect(0, 0, 1280, 64);
    context.fillStyle = "#22313a";
    context.font = "36px sans-serif";
    context.fillText("Provsvar, översikt", 60, 150);
    for (let row = 0; row < 8; row += 1) context.fillRect(60, 200 + row * 55, 500 + 90 * ((row * 7) % 5), 12);
  });
}
