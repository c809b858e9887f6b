# Loads an image archive: from script() come record and archive (paths), from its caller import_archive() and list_images().
said=$(import_archive "$archive") || die "the runtime can not load $archive"
# What the runtime says about it differs from version to version, but the names are words of it.
list_images >"$record.list"
printf '%s\n' "$said" | tr -cs '[:graph:]' '\n' | grep -Fx -f "$record.list" | sort -u >"$record.new" || :
rm -f "$record.list"
[ -s "$record.new" ] || die "no image in $archive has a name"
while read -r image; do say "loaded $image"; done <"$record.new"
mv -f "$record.new" "$record"
rm -f "$archive" "$archive".part.*
