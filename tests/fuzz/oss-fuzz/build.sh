#!/bin/bash -eu
# SPDX-License-Identifier: GPL-3.0-or-later
# What OSS-Fuzz runs in its builder (https://google.github.io/oss-fuzz/getting-started/new-project-guide/): every target of tests/fuzz
# into $OUT with its seeds (TARGET_seed_corpus.zip), its words (TARGET.dict) and the libraries that the runner's image lacks. The
# sanitizer comes in $CFLAGS, so ours and what gets in its way are left out. Linked as C++, for so are the engines other than libFuzzer.
cd "$(dirname "$0")/../../.."
build=${WORK:-build}/oss-fuzz
flags=(CC="$CC" CFLAGS="$CFLAGS" B="$build" OPT= HARDEN=-fPIE)
make -j"$(nproc)" "${flags[@]}" fuzz-libraries
mkdir -p "$OUT/lib"
for source in tests/fuzz/fuzz_*.c; do
	target=$(basename "$source" .c)
	name=${target#fuzz_}
	make "${flags[@]}" LIB_FUZZING_ENGINE="$LIB_FUZZING_ENGINE" FUZZ_LINK="$CXX $CXXFLAGS" LDFLAGS='-Wl,-rpath,\$$ORIGIN/lib' "$build/libfuzzer/$target"
	cp "$build/libfuzzer/$target" "$OUT/"
	(cd "tests/fuzz/corpus/$name" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
	[ ! -e "tests/fuzz/$name.dict" ] || cp "tests/fuzz/$name.dict" "$OUT/$target.dict"
	ldd "$OUT/$target" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | grep -Ev '/(ld-linux|lib(c|m|pthread|dl|rt|gcc_s|stdc\+\+))[-.]' | xargs -r cp -L -t "$OUT/lib"
done
