fn main() {
    let p = slipway::profile::Profiles::load(None).unwrap();
    let k = slipway::profile::Knowledge::of(&p);
    print!("{}", slipway::lower::Program::of(&format!("NONCE=N\n{}", slipway::phase::reset::listing(&k, true))).text());
}
