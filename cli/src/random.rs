//! Random bytes, or none at all.

/// What nobody can guess, from the operating system.
pub(crate) fn random() -> Result<[u8; 32], String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| "the operating system gives no random bytes".to_owned())?;
    Ok(random)
}
