use super::*;

#[test]
fn base_urls_with_and_without_port_and_prefix() {
    for (text, authority, prefix) in [
        ("http://127.0.0.1:8080/api", "127.0.0.1:8080", "/api"),
        ("http://127.0.0.1:8080/api/", "127.0.0.1:8080", "/api"),
        ("http://localhost", "localhost:80", ""),
        ("http://[::1]:9/x/y", "[::1]:9", "/x/y"),
    ] {
        let url: BaseUrl = text.parse().unwrap();
        assert_eq!((url.authority.as_str(), url.prefix.as_str()), (authority, prefix), "{text}");
        assert_eq!(url.path("/tasks"), format!("{prefix}/tasks"));
    }
}

#[test]
fn other_urls_are_refused() {
    for text in ["https://h:1/", "h:1", "http://", "http://u@h:1", "http://h:1/a?b=c", "http://:80"] {
        assert!(text.parse::<BaseUrl>().is_err(), "{text}");
    }
}

#[test]
fn loopback_resolves() {
    let url: BaseUrl = "http://127.0.0.1:8080".parse().unwrap();
    assert_eq!(url.resolve().unwrap(), "127.0.0.1:8080".parse().unwrap());
}
