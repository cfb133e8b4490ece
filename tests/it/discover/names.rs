//! A name server on a real socket, whose answers change.

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{RData, Record, RecordType};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// What the server says to one question.
#[derive(Clone)]
pub(crate) enum Say {
    Records(Vec<(u32, RData)>),
    Code(ResponseCode),
    Nothing,
}

/// What a name server knows. Of anything else it says `NXDOMAIN`.
#[derive(Clone, Default)]
pub(crate) struct Zone {
    says: Arc<Mutex<BTreeMap<(String, RecordType), Say>>>,
    pub(crate) asked: Arc<Mutex<u32>>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    zone: Zone,
    _serving: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (address, zone, mut serving) = (socket.local_addr().unwrap(), Zone::default(), JoinSet::new());
        let knows = zone.clone();
        serving.spawn(async move {
            let mut buffer = [0; 4096];
            loop {
                let (length, client) = socket.recv_from(&mut buffer).await.unwrap();
                if let Some(answer) = knows.answer(&Message::from_vec(&buffer[..length]).unwrap()) {
                    socket.send_to(&answer.to_vec().unwrap(), client).await.unwrap();
                }
            }
        });
        Self { address, zone, _serving: serving }
    }
}

impl std::ops::Deref for Server {
    type Target = Zone;

    fn deref(&self) -> &Zone {
        &self.zone
    }
}

impl Zone {
    fn answer(&self, question: &Message) -> Option<Message> {
        *self.asked.lock() += 1;
        let query = question.queries[0].clone();
        let key = (query.name().to_string().to_lowercase(), query.query_type());
        let mut answer = Message::response(question.metadata.id, OpCode::Query);
        answer.add_query(query.clone());
        match self.says.lock().get(&key).cloned() {
            Some(Say::Records(records)) => {
                let mut name = query.name().clone();
                for (ttl, data) in records {
                    let next =
                        if let RData::CNAME(CNAME(target)) = &data { Some(target.clone()) } else { None };
                    answer.add_answer(Record::from_rdata(name.clone(), ttl, data));
                    name = next.unwrap_or(name);
                }
            }
            Some(Say::Code(code)) => answer.metadata.response_code = code,
            Some(Say::Nothing) => return None,
            None => answer.metadata.response_code = ResponseCode::NXDomain,
        }
        Some(answer)
    }

    pub(crate) fn say(&self, name: &str, kind: RecordType, say: Say) {
        self.says.lock().insert((name.to_owned(), kind), say);
    }

    pub(crate) fn addresses(&self, name: &str, ttl: u32, addresses: &[&str]) {
        for (kind, is_v4) in [(RecordType::A, true), (RecordType::AAAA, false)] {
            let of_kind =
                addresses.iter().map(|a| a.parse::<IpAddr>().unwrap()).filter(|a| a.is_ipv4() == is_v4);
            self.say(name, kind, Say::Records(of_kind.map(|a| (ttl, RData::from(a))).collect()));
        }
    }

    pub(crate) fn fails(&self, name: &str, say: &Say) {
        for kind in [RecordType::A, RecordType::AAAA] {
            self.say(name, kind, say.clone());
        }
    }
}
