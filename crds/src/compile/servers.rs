//! A server as the gateway runs it, and its secret values apart from it.

use http::{HeaderName, HeaderValue, Uri};

use super::faults::Fault;
use super::secrets::{SecretReader, Source};
use crate::diagnostic::Reason;
use crate::snapshot::{self, AuthScheme, HttpWire, Nanos, Secrets, ServerAuth, ServerTimeouts, Transport};
use crate::v1alpha1::{
    ApiKeyAuth, Auth, AuthType, ClientSide, Cost, Http, HttpTransport, McpServerSpec, Stdio, Timeouts, Value,
};

mod tokens;

const DEFAULT_MAX_CONCURRENT_CALLS: u32 = 64;
const DEFAULT_MAX_RESPONSE_BYTES: u64 = 16 << 20;
const DEFAULT_API_KEY_HEADER: &str = "x-api-key";

/// How a server is reached, as far as its object and Secrets go.
pub(super) struct Connection {
    pub(super) transport: Transport,
    pub(super) auth: ServerAuth,
    pub(super) secrets: Secrets,
    /// Secrets that cannot be used: the server is off.
    pub(super) unusable: Vec<Fault>,
}

/// Collects values; the first invalid one and every unusable Secret.
struct Collector<'a> {
    reader: SecretReader<'a>,
    invalid: Option<Fault>,
    unusable: Vec<Fault>,
}

/// The server's connection, or the fault for which the object is not accepted.
pub(super) fn connect(spec: &McpServerSpec, reader: SecretReader) -> Result<Connection, Fault> {
    let mut values = Collector { reader, invalid: None, unusable: Vec::new() };
    let mut secrets = Secrets::default();
    let transport = match (&spec.http, &spec.stdio) {
        (Some(http), None) => values.http(http, &mut secrets),
        (None, Some(stdio)) => values.stdio(stdio, &mut secrets),
        _ => return Err(Fault::invalid("spec", "exactly one of `http` and `stdio` is needed")),
    };
    let auth = values.auth(spec.auth.as_ref(), &mut secrets);
    match values.invalid {
        Some(fault) => Err(fault),
        None => Ok(Connection { transport, auth, secrets, unusable: values.unusable }),
    }
}

/// Deadlines with defaults filled in.
pub(super) fn timeouts(timeouts: Option<&Timeouts>) -> ServerTimeouts {
    let silent = Timeouts::default();
    let Timeouts { connect_seconds, list_seconds, call_seconds } = timeouts.unwrap_or(&silent);
    ServerTimeouts {
        connect: connect_seconds.unwrap_or(10),
        list: list_seconds.unwrap_or(30),
        call: call_seconds.unwrap_or(60),
    }
}

/// Calls under way at once, and the largest reply, with defaults filled in.
pub(super) fn limits(spec: &McpServerSpec) -> (u32, u64) {
    let limits = spec.limits.as_ref();
    (
        limits.and_then(|limits| limits.max_concurrent_calls).unwrap_or(DEFAULT_MAX_CONCURRENT_CALLS),
        limits.and_then(|limits| limits.max_response_bytes).unwrap_or(DEFAULT_MAX_RESPONSE_BYTES),
    )
}

/// What calls cost. The schema has seen to it that every price is one.
pub(super) fn cost(cost: &Cost) -> snapshot::Cost {
    let price = |text: &String| Nanos::parse(text).unwrap_or_default();
    let mut per_tool: Vec<(String, Nanos)> =
        cost.per_tool.iter().flatten().map(|it| (it.tool.clone(), price(&it.price))).collect();
    per_tool.sort_unstable();
    per_tool.dedup_by(|next, one| next.0 == one.0);
    snapshot::Cost { per_call: cost.per_call.as_ref().map(price).unwrap_or_default(), per_tool }
}

// === impl Collector ===

impl Collector<'_> {
    fn http(&mut self, http: &Http, secrets: &mut Secrets) -> Transport {
        let members = ("url", "urlFrom");
        let from = http.url_from.as_ref();
        let source = Source { field: "spec.http", members, inline: http.url.as_ref(), from };
        secrets.url = self.text(source, |url| origin(url).map(drop));
        for (index, header) in http.headers.iter().flatten().enumerate() {
            let field = format!("spec.http.headers[{index}]");
            self.header_name(&header.name, &format!("{field}.name"));
            let value = self.text(pair(&field, header.value.as_ref(), header.value_from.as_ref()), header_value);
            secrets.headers.extend(value);
        }
        for (index, name) in http.forward_headers.iter().flatten().enumerate() {
            self.header_name(name, &format!("spec.http.forwardHeaders[{index}]"));
        }
        let mut forward_headers: Vec<String> =
            http.forward_headers.iter().flatten().map(|name| name.to_ascii_lowercase()).collect();
        forward_headers.sort();
        forward_headers.dedup();
        Transport::Http {
            origin: secrets.url.as_deref().and_then(|url| origin(url).ok()).unwrap_or_default(),
            wire: match http.transport {
                HttpTransport::Auto => HttpWire::Auto,
                HttpTransport::StreamableHTTP => HttpWire::Streamable,
                HttpTransport::SSE => HttpWire::Sse,
            },
            headers: http.headers.iter().flatten().map(|header| header.name.to_ascii_lowercase()).collect(),
            forward_headers,
        }
    }

    fn stdio(&mut self, stdio: &Stdio, secrets: &mut Secrets) -> Transport {
        let texts = std::iter::once(&stdio.command).chain(stdio.args.iter().flatten()).chain(&stdio.working_dir);
        if stdio.command.is_empty() || texts.into_iter().any(|text| text.contains('\0')) {
            self.refuse(Fault::invalid("spec.stdio", "a command is needed, and no text may hold a NUL"));
        }
        for (index, variable) in stdio.env.iter().flatten().enumerate() {
            let field = format!("spec.stdio.env[{index}]");
            if variable.name.is_empty() || variable.name.contains(['=', '\0']) {
                self.refuse(Fault::invalid(format!("{field}.name"), "a variable's name has no `=` and no NUL"));
            }
            let value = self.text(pair(&field, variable.value.as_ref(), variable.value_from.as_ref()), env_value);
            secrets.env.extend(value);
        }
        Transport::Stdio {
            command: stdio.command.clone(),
            args: stdio.args.clone().unwrap_or_default(),
            working_dir: stdio.working_dir.clone(),
            env: stdio.env.iter().flatten().map(|variable| variable.name.clone()).collect(),
        }
    }

    fn auth(&mut self, auth: Option<&Auth>, secrets: &mut Secrets) -> ServerAuth {
        let silent = Auth::default();
        let auth = auth.unwrap_or(&silent);
        let (scheme, value) = match auth.type_ {
            AuthType::None => (AuthScheme::None, None),
            AuthType::ApiKey => self.api_key(auth.api_key.as_ref()),
            AuthType::Bearer => (AuthScheme::Bearer, self.member("bearer", auth.bearer.as_ref(), header_value)),
            // Base64 carries any text, so the value needs no check.
            AuthType::Basic => (AuthScheme::Basic, self.member("basic", auth.basic.as_ref(), |_| Ok(()))),
            AuthType::Token => (AuthScheme::Token, self.member("token", auth.token.as_ref(), header_value)),
            AuthType::Authorization => {
                let value = self.member("authorization", auth.authorization.as_ref(), header_value);
                (AuthScheme::Header("authorization".to_owned()), value)
            }
            AuthType::OAuth2ClientCredentials => {
                (self.client_credentials(auth.oauth2_client_credentials.as_ref(), secrets), None)
            }
            AuthType::TokenExchange => (self.token_exchange(auth.token_exchange.as_ref(), secrets), None),
        };
        secrets.auth = value;
        let client_side = match auth.client_side {
            ClientSide::OneServer => snapshot::ClientSide::OneServer,
            ClientSide::Replace => snapshot::ClientSide::Replace,
            ClientSide::Forward => snapshot::ClientSide::Forward,
            ClientSide::Deny => snapshot::ClientSide::Deny,
        };
        ServerAuth { scheme, client_side }
    }

    fn api_key(&mut self, api_key: Option<&ApiKeyAuth>) -> (AuthScheme, Option<String>) {
        let silent = ApiKeyAuth::default();
        let api_key = api_key.unwrap_or(&silent);
        let name = api_key.header_name.as_deref().unwrap_or(DEFAULT_API_KEY_HEADER);
        self.header_name(name, "spec.auth.apiKey.headerName");
        let source = pair("spec.auth.apiKey", api_key.value.as_ref(), api_key.value_from.as_ref());
        (AuthScheme::Header(name.to_ascii_lowercase()), self.text(source, header_value))
    }

    /// `name`: of the member, below `spec.auth`.
    fn member(&mut self, name: &str, member: Option<&Value>, usable: Check) -> Option<String> {
        let silent = Value::default();
        let member = member.unwrap_or(&silent);
        let field = format!("spec.auth.{name}");
        self.text(pair(&field, member.value.as_ref(), member.value_from.as_ref()), usable)
    }

    fn text(&mut self, source: Source, usable: Check) -> Option<String> {
        match self.reader.text(source, usable) {
            Ok(text) => return Some(text),
            Err(fault) if fault.reason == Reason::SecretNotUsable => self.unusable.push(fault),
            Err(fault) => self.refuse(fault),
        }
        None
    }

    fn header_name(&mut self, name: &str, field: &str) {
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            self.refuse(Fault::invalid(field, "this is not the name of a header"));
        }
    }

    fn refuse(&mut self, fault: Fault) {
        self.invalid.get_or_insert(fault);
    }
}

type Check = fn(&str) -> Result<(), &'static str>;

fn pair<'a>(field: &'a str, inline: Option<&'a String>, from: Option<&'a crate::v1alpha1::ValueSource>) -> Source<'a> {
    Source { field, members: ("value", "valueFrom"), inline, from }
}

fn header_value(text: &str) -> Result<(), &'static str> {
    let valid = HeaderValue::from_str(text).is_ok();
    if valid { Ok(()) } else { Err("it has a character that no header may carry, such as a line end") }
}

fn env_value(text: &str) -> Result<(), &'static str> {
    if text.contains('\0') { Err("it has a NUL") } else { Ok(()) }
}

/// `scheme://host[:port]` of an http or https URL: all of it that may be shown.
fn origin(url: &str) -> Result<String, &'static str> {
    let uri: Uri = url.parse().map_err(|_| "it is not a URL")?;
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"));
    let scheme = scheme.ok_or("a URL starts with `http://` or `https://`")?;
    let authority = uri.authority().filter(|authority| !authority.host().is_empty()).ok_or("the URL has no host")?;
    if authority.as_str().contains('@') {
        return Err("a URL holds no user or password: use `auth`");
    }
    let host = authority.host().to_ascii_lowercase();
    match authority.port_u16() {
        Some(port) => Ok(format!("{scheme}://{host}:{port}")),
        None if authority.as_str().len() == host.len() => Ok(format!("{scheme}://{host}")),
        None => Err("the URL's port is not a number up to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_shows_neither_path_nor_query_nor_user() {
        assert_eq!(origin("https://Host.example:8443/s/SECRET?token=SECRET").unwrap(), "https://host.example:8443");
        assert_eq!(origin("HTTP://[::1]:80").unwrap(), "http://[::1]:80");
        for bad in [
            "https://user:SECRET@host/",
            "ftp://host",
            "host/path",
            "/path",
            "https://",
            "http://h/\n",
            "http://h:x/",
            "http://h:70000",
            "http://h:",
        ] {
            assert!(!origin(bad).unwrap_err().contains("SECRET"), "{bad}");
        }
    }
}
