//! Who messages go to: a web server and a mail server, each with a record of what it took.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug)]
pub struct Receiver {
    pub port: u16,
    /// The ids of messages that came in whole, however often.
    taken: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    /// Takes POSTs, each known by its header `webhook-id`, or, where it has none, by its body.
    pub async fn web() -> Receiver {
        Receiver::listen(|stream, taken| async move { web(stream, &taken).await.unwrap_or_default() }).await
    }

    /// Takes mail, each known by its `Message-ID`.
    pub async fn mail() -> Receiver {
        Receiver::listen(|stream, taken| async move { mail(stream, &taken).await.unwrap_or_default() }).await
    }

    pub fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }

    async fn listen<R: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> R + Send + 'static,
    ) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&taken);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&record)));
            }
        });
        Receiver { port, taken }
    }
}

async fn web(stream: TcpStream, taken: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut length, mut id, mut line) = (0, None, String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let lower = line.trim_end().to_lowercase();
        if lower.is_empty() {
            break;
        }
        if let Some(value) = lower.strip_prefix("content-length: ") {
            length = value.parse().expect("is a number");
        }
        if let Some(value) = lower.strip_prefix("webhook-id: ") {
            id = Some(value.to_owned());
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let id = id.unwrap_or_else(|| String::from_utf8(body).expect("is text"));
    taken.lock().unwrap().push(id);
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await
}

async fn mail(stream: TcpStream, taken: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.example.com ESMTP\r\n").await?;
    let (mut line, mut id, mut is_data) = (String::new(), String::new(), false);
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let text = line.trim_end();
        if is_data && text != "." {
            if let Some(value) = text.strip_prefix("Message-ID: ") {
                id = value.to_owned();
            }
            continue;
        }
        let answer = match text.split(' ').next().unwrap_or_default() {
            "." => {
                is_data = false;
                taken.lock().unwrap().push(std::mem::take(&mut id));
                "250 taken"
            }
            "DATA" => {
                is_data = true;
                "354 go on"
            }
            "QUIT" => {
                return stream.write_all(b"221 bye\r\n").await;
            }
            _ => "250 mail.example.com",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}
