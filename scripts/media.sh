#!/bin/sh
# Makes the sample media in www/media with ffmpeg alone: every picture and every tone is computed,
# so nothing in it belongs to anybody else. The results are committed; run this to make them again.
#
#   needs   ffmpeg with libx264 and drawtext, and the DejaVu fonts (Debian: fonts-dejavu-core)
#   makes   videos/42   film.mp4, an HLS and DASH set over the same segments, subtitles, a poster
#           videos/43   a second, tiny film: what a link to the first one must not open
#           public      one file for the prefix that needs no token
set -eu
cd "$(dirname "$0")/.."
out=www/media
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$out"
mkdir -p "$out/videos/42" "$out/videos/43" "$out/public"

fonts=$(dirname "$(fc-match -f '%{file}' 'DejaVu Sans:bold')")
seconds=20
ff() { ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }

# The picture is a slow sum of waves drawn as a contour map; colour follows the height.
height='(sin(X/97+T*0.30)+sin(Y/71-T*0.20)+sin((X+Y)/133+T*0.24)'
height="$height+sin(hypot(X-430+60*sin(T*0.24),Y-150)/61-T*0.40))"
contours="geq=lum='st(0,$height);30+9*ld(0)+clip(1-abs(mod(2*ld(0)+60,1)-0.5)*9,0,1)*(78+22*ld(0))'"
contours="$contours:cb='133-5*$height':cr='124+5*$height'"

# paint SECONDS TITLE: the filter graph from nothing to a picture with title, clock and progress.
paint() {
    bar="color=c=0xe8b04a:s=640x3:r=24:d=$1[bar]"
    text="drawtext=fontfile=$fonts/DejaVuSans-Bold.ttf:fontcolor=0xf4f1ea:fontsize=34"
    text="$text:x=28:y=h-70:text='$2'"
    clock="drawtext=fontfile=$fonts/DejaVuSansMono.ttf:fontcolor=0xf4f1ea:fontsize=20"
    clock="$clock:x=w-tw-28:y=h-58:timecode='00\:00\:00\:00':rate=24:tc24hmax=1"
    echo "nullsrc=s=640x360:r=24:d=$1,format=yuv444p,$contours,format=yuv420p,$text,$clock[map];" \
        "$bar;[map][bar]overlay=x='t/$1*W-W':y=H-3:shortest=1,format=yuv420p"
}

# A chord of A major that breathes, each voice at its own pace.
chord='0.10*sin(2*PI*220*t)*(0.7+0.3*sin(t*0.9))+0.08*sin(2*PI*277.18*t)*(0.7+0.3*sin(t*0.7+1))'
chord="$chord+0.08*sin(2*PI*329.63*t)*(0.7+0.3*sin(t*1.1+2))"
chord="$chord+0.05*sin(2*PI*440*t)*(0.5+0.5*sin(t*0.5))"

# Keyframes every two seconds and nowhere else, so that both renditions are cut at the same places.
x264="-c:v libx264 -preset veryslow -profile:v main -bf 0 -g 48 -keyint_min 48 -sc_threshold 0"
x264="$x264 -pix_fmt yuv420p -video_track_timescale 24000 -threads 1"
x264="$x264 -fflags +bitexact -flags:v +bitexact"

ff -filter_complex "$(paint $seconds Playgate)" -c:v ffv1 "$work/picture.mkv"
ff -i "$work/picture.mkv" $x264 -b:v 165k -maxrate 230k -bufsize 460k "$work/360.mp4"
ff -i "$work/picture.mkv" -vf scale=320:180:flags=lanczos $x264 -level 1.3 \
    -b:v 65k -maxrate 90k -bufsize 180k "$work/180.mp4"
ff -f lavfi -i "aevalsrc='$chord|$chord':s=48000:d=$((seconds - 1)).95" \
    -af "afade=in:d=1.5,afade=out:st=$((seconds - 2)):d=2" -c:a aac -b:a 48k -fflags +bitexact \
    "$work/sound.mp4"

# videos/42: the film in one file, and the set.
set42=$out/videos/42
ff -i "$work/360.mp4" -i "$work/sound.mp4" -map 0:v -map 1:a -c copy -movflags +faststart \
    -fflags +bitexact "$set42/film.mp4"
ff -ss 6 -i "$work/picture.mkv" -frames:v 1 -q:v 7 "$set42/poster.jpg"
ff -i "$work/360.mp4" -i "$work/180.mp4" -i "$work/sound.mp4" -map 0:v -map 1:v -map 2:a -c copy \
    -f dash -seg_duration 2 -use_template 1 -use_timeline 0 -fflags +bitexact \
    -adaptation_sets 'id=0,streams=v id=1,streams=a' \
    -init_seg_name 'init_$RepresentationID$.mp4' \
    -media_seg_name 'seg_$RepresentationID$_$Number%02d$.m4s' \
    -hls_playlist 1 -hls_master_name master.m3u8 "$set42/manifest.mpd"

cat > "$set42/subtitles.vtt" <<'VTT'
WEBVTT

00:00:00.500 --> 00:00:04.000 line:10%
Every segment of this film passed a gate.

00:00:04.500 --> 00:00:08.500 line:10%
The link says what it opens, and until when.

00:00:09.000 --> 00:00:13.000 line:10%
Change one character and the gate stays shut.

00:00:13.500 --> 00:00:17.500 line:10%
The picture is mathematics, and so is the lock.
VTT
cat > "$set42/subtitles.m3u8" <<M3U
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:$seconds
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXTINF:$seconds.0,
subtitles.vtt
#EXT-X-ENDLIST
M3U

# What the muxer leaves out of HLS: subtitles, frame rates, the audio rendition's name and the peak
# of each rendition. The clock time of the making says nothing to a viewer and goes. The DASH
# manifest stays without subtitles: ffmpeg's own demuxer refuses a manifest that names a .vtt file.
peak() { # bits per second of the largest two seconds of video rendition $1 with sound
    largest() { wc -c "$set42"/seg_"$1"_*.m4s | sed '/total/d' | sort -n | awk 'END { print $1 }'; }
    echo $((($(largest "$1") + $(largest 2)) * 8 / 2))
}
media='#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Chord",LANGUAGE="zxx",CHANNELS="2",'
media="${media}DEFAULT=YES,AUTOSELECT=YES,URI=\"media_2.m3u8\"\\
"'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="English",LANGUAGE="en",'
media="${media}DEFAULT=YES,AUTOSELECT=YES,FORCED=NO,URI=\"subtitles.m3u8\""
sed -i -e '/^$/d' -e '/^#EXT-X-VERSION/a #EXT-X-INDEPENDENT-SEGMENTS' \
    -e "/^#EXT-X-MEDIA:TYPE=AUDIO/c $media" -e 's/AUDIO="group_A1"/AUDIO="sound"/' \
    -e 's/:BANDWIDTH=\([0-9]*\)/:BANDWIDTH=PEAK,AVERAGE-BANDWIDTH=\1/' \
    -e '/^#EXT-X-STREAM-INF/s/$/,FRAME-RATE=24.000,SUBTITLES="subtitles",CLOSED-CAPTIONS=NONE/' \
    -e "/640x360/s/PEAK/$(peak 0)/" -e "/320x180/s/PEAK/$(peak 1)/" "$set42/master.m3u8"
sed -i -e '/PROGRAM-DATE-TIME/d' -e '/^#EXT-X-MEDIA-SEQUENCE/a #EXT-X-PLAYLIST-TYPE:VOD' \
    "$set42"/media_?.m3u8

# videos/43 and the public file.
ff -filter_complex "$(paint 2 'Another film'),scale=320:180" $x264 -b:v 120k -movflags +faststart \
    "$out/videos/43/film.mp4"
echo 'This file stands under a public prefix: no token asked.' > "$out/public/hello.txt"
du -sb "$out"
