//! Swap off, now and at the next start, wherever a distribution makes it: /etc/fstab, systemd's swap units, services of its own.

use super::{NAME, system::MARK};
use crate::{
    lower::quote,
    profile::words,
    scene::Scene,
    step::{Check, Step, Undo},
};

/// Prints the names of the swap units that somebody has made (other than from fstab), or that a generator has found (a partition
/// of that type, zram-generator's device), and that are not masked yet.
const UNITS: &str = r#"swap_units() {
    for unit in /run/systemd/generator/*.swap /run/systemd/generator.late/*.swap /etc/systemd/system/*.swap /run/systemd/system/*.swap \
        /usr/local/lib/systemd/system/*.swap /usr/lib/systemd/system/*.swap /lib/systemd/system/*.swap; do
        [ -f "$unit" ] || continue
        # systemd loads no other names, and these can be printed between quotes
        case ${unit##*/} in *[!A-Za-z0-9:_.@\\-]*) continue ;; esac
        mask=/etc/systemd/system/${unit##*/}
        [ "$(readlink "$mask")" = /dev/null ] || printf '%s\n' "${unit##*/}"
    done | sort -u
}
starts_at_boot() {
    for link in /etc/systemd/system/*.wants/"$1"; do
        if [ -h "$link" ]; then return 0; fi
    done
    return 1
}
"#;

/// Steps for a host that has its own swap: a container sees the machine's, and can not turn it off.
pub(super) fn step(scene: &Scene<'_>) -> Option<Step> {
    if scene.here.facts.container {
        return None;
    }
    let lines = r"^[[:space:]]*[^#[:space:]]+[[:space:]]+[^[:space:]]+[[:space:]]+swap([[:space:]]|$)";
    let off = quote(&format!("s@{lines}@{MARK}&@"));
    let on = quote(&format!("s@^{MARK}@@"));
    let services = words(&scene.here.profile.swap.services);
    let enabled = |then: &str| {
        if services.is_empty() {
            return String::new();
        }
        format!("for unit in {services}; do\n    if starts_at_boot \"$unit\"; then {then}; fi\ndone\n")
    };
    Some(
        Step::new(
            scene.id(NAME, "swap"),
            "Turn swap off",
            "The kubelet refuses to start while swap is on, since limits on memory would mean nothing.",
        )
        .check(Check::Sh(format!(
            "{UNITS}[ ! -r /proc/swaps ] || [ \"$(wc -l </proc/swaps)\" -le 1 ] || exit 1\n! grep -Eqs {} /etc/fstab || exit 1\n{}[ -z \"$(swap_units)\" ]",
            quote(lines),
            enabled("exit 1")
        )))
        .sh(format!(
            "{UNITS}{}if [ -f /etc/fstab ]; then sed -E -i {off} /etc/fstab; fi\n# what systemd has made of fstab goes\nsystemctl daemon-reload || :\nswap_units | while read -r unit; do\n    # a unit file in /etc is in the way of its mask\n    if [ -f \"/etc/systemd/system/$unit\" ]; then mv \"/etc/systemd/system/$unit\" \"$STATE/before/$unit\"; fi\n    say \"masking $unit\"\n    systemctl mask -q --now \"$unit\"\ndone\nswapoff -a",
            enabled("say \"turning $unit off\" && systemctl disable -q --now \"$unit\"")
        ))
        .undo(Undo::Record(
            r#"awk 'NR > 1 { print $1, $5 }' /proc/swaps 2>/dev/null | while read -r device priority; do
    # the memory of zram is given back by what made it
    case $device in /dev/zram*) continue ;; esac
    if [ "$priority" -ge 0 ]; then set -- -p "$priority"; else set --; fi
    printf "swapon %s '%s' || :\n" "$*" "$device"
done"#
                .to_owned(),
        ))
        .undo(Undo::Record(format!(
            r#"{UNITS}swap_units | while read -r unit; do
    printf "systemctl unmask -q '%s' || :\n" "$unit"
    file=/etc/systemd/system/$unit
    if [ -f "$file" ]; then printf "if [ -e '%s' ]; then mv '%s' '%s' || exit 1; fi\n" "$STATE/before/$unit" "$STATE/before/$unit" "$file"; fi
    if starts_at_boot "$unit"; then printf "systemctl enable -q '%s' || :\n" "$unit"; fi
    if systemctl is-active -q "$unit"; then printf "systemctl daemon-reload || :\nsystemctl start '%s' || :\n" "$unit"; fi
done
{}"#,
            enabled(r#"printf "systemctl enable -q --now '%s' || :\n" "$unit""#)
        )))
        .undo(Undo::Sh(format!(
            "if [ -f /etc/fstab ]; then sed -i {on} /etc/fstab; fi\nsystemctl daemon-reload || :"
        )))
        .hint("what is using swap: cat /proc/swaps; systemctl list-units --type=swap"),
    )
}
