//! A digest of JSON that does not change with white space, the order of members
//! or the way a string is escaped: a client may write the same arguments anew.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// The members of an object, each as often as it stands.
struct Members<'j>(Vec<(Cow<'j, str>, &'j RawValue)>);

/// Adds the JSON text to a digest. Numbers count as they are written: 2^53+1 is not 2^53. Err if it is no JSON.
pub fn digest(json: &str, hash: &mut Sha256) -> Result<(), serde_json::Error> {
    let json = json.trim_matches([' ', '\t', '\n', '\r']);
    match json.as_bytes().first() {
        Some(b'{') => {
            let mut members = serde_json::from_str::<Members<'_>>(json)?.0;
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            part(b'{', &members.len().to_be_bytes(), hash);
            for (name, value) in members {
                part(b'"', name.as_bytes(), hash);
                digest(value.get(), hash)?;
            }
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(json)?;
            part(b'[', &elements.len().to_be_bytes(), hash);
            for element in elements {
                digest(element.get(), hash)?;
            }
        }
        Some(b'"') => part(b'"', serde_json::from_str::<Cow<'_, str>>(json)?.as_bytes(), hash),
        _ => part(b'=', serde_json::from_str::<&RawValue>(json)?.get().as_bytes(), hash),
    }
    Ok(())
}

fn part(kind: u8, bytes: &[u8], hash: &mut Sha256) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Vec<u8> {
        let mut hash = Sha256::new();
        digest(json, &mut hash).unwrap();
        hash.finalize().to_vec()
    }

    #[test]
    fn the_same_written_anew_is_the_same() {
        let first = r#"{"a":[1,{"c":"\u00e9","b":null}],"d":9007199254740993}"#;
        let again = " { \"d\" : 9007199254740993,\n \"a\":[ 1 , {\"b\":null , \"c\":\"é\"} ] } ";
        assert_eq!(of(first), of(again));
    }

    #[test]
    fn anything_else_is_something_else() {
        let all = [
            "{}",
            "[]",
            "null",
            "\"\"",
            "{\"a\":1}",
            "{\"a\":2}",
            "{\"b\":1}",
            "{\"a\":[1]}",
            "[1,2]",
            "[2,1]",
            "[[1],2]",
            "9007199254740993",
            "9007199254740992",
            "\"1\"",
            "1",
            "{\"a\":1,\"a\":2}",
            "{\"a\":2,\"a\":2}",
            "true",
        ];
        let digests: std::collections::HashSet<_> = all.iter().map(|json| of(json)).collect();
        assert_eq!(digests.len(), all.len());
        assert!(digest("{", &mut Sha256::new()).is_err());
        assert!(digest("", &mut Sha256::new()).is_err());
    }
}
